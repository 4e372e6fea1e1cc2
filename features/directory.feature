Feature: The directory says who may send and who may look
  An establishment joins the region under a code, registers the devices that send for it, and its
  professionals are known by their RPPS number. What nobody registered is turned away, and that is recorded.

  Background:
    Given the establishments CHB and CHP are enrolled

  Rule: E2, a code is enrolled once

    Scenario: Two establishments cannot share a code
      When CHB is enrolled again
      Then the ledger refuses with SiteEnrolled, rule E2

  Rule: E5, an AE title belongs to one establishment

    @live
    Scenario: A scanner is registered, and what it sends is from that establishment
      When CHB registers the device CT_BAYONNE
      Then what CT_BAYONNE sends comes from CHB

    Scenario: Another establishment cannot take the same AE title
      Given CHB registers the device CT_BAYONNE
      When CHP registers the device CT_BAYONNE
      Then the ledger refuses with AeTitleTaken, rule E5
      And what CT_BAYONNE sends comes from CHB

  Rule: P2 and P3, a professional is registered once and works for enrolled establishments

    @live
    Scenario: A radiologist works for two establishments
      Given the professional 10101201233 is registered at CHB
      When the professional 10101201233 is affiliated to CHP
      Then the professional 10101201233 works for CHB and CHP

    Scenario: Nobody works for an establishment that the region does not know
      Given the professional 10101201233 is registered at CHB
      When the professional 10101201233 is affiliated to NOWHERE
      Then the ledger refuses with UnknownSite, rule S1

    Scenario: An RPPS number that lacks a digit is not registered
      When the professional 1010120123 is registered at CHB
      Then the ledger refuses with BadProfessional, rule P1

    Scenario: An RPPS number of which a digit was mistyped is not registered, for its check digit does not fit
      When the professional 10101201633 is registered at CHB
      Then the ledger refuses with BadProfessional, rule P1

  Rule: P4, a professional is suspended once, with a reason

    Scenario: A suspension is not made twice
      Given the professional 10101201233 is registered at CHB
      And the professional 10101201233 is suspended because "left the register"
      When the professional 10101201233 is suspended because "left the register"
      Then the ledger refuses with SuspensionRefused, rule P4

  Rule: An unknown caller is turned away and recorded, once a day

    @live
    Scenario: A device that nobody registered calls three times in a day
      When the unregistered device STRAY calls 3 times
      Then the log holds 1 refused call of STRAY
